"""Câu tiếng Việt về những phương pháp không hợp với mô hình."""

SENTENCES: dict[str, str] = {
    "last_layers_too_many": "method.layers={asked}, nhưng {model} chỉ có {found} khối trong '{stack}'; hãy chọn số nhỏ hơn, hoặc --method full",
    "bitfit_no_bias": "phương pháp 'bitfit' huấn luyện các độ lệch (bias), mà thân đã tiền huấn luyện của {model} không có độ lệch nào; "
    "hãy chọn --method lora, hoặc --method head",
    "bitfit_no_such_bias": "method.biases=query_mlp: không lớp '{role}' nào của {model} có độ lệch (bias) riêng; hãy chọn method.biases=all",
    "ia3_no_layers": "phương pháp 'ia3' nhân lại key, value và phần truyền thẳng (feed-forward), nhưng trong các lớp của {model} chỉ nhận ra: {roles}; "
    "hãy chọn --method lora",
    "not_plain_lora": "điều '{method}' đã học không phải là LoRA thường: phần hiệu chỉnh của nó không phải tích của hai ma trận mỏng; hãy dùng --to merged nếu gộp được, hoặc dùng chính fewtune",
    "ranks_low": "phải >= 1, nhận được {ranks}",
    "rank_without_target": "method.ranks: '{target}' chỉ {layer}, không thuộc method.targets={targets}; hãy thêm vào đó, hoặc bỏ hạng này",
    "also_unmatched": "method.also: '{name}' không phải mô-đun có tham số của {model}; {near}",
    "also_is_target": "method.also: {module} chứa các lớp mang phần hiệu chỉnh; hãy bỏ nó khỏi method.also, hoặc chọn method.targets khác",
    "nb_lora_alpha": "phương pháp '{method}' không có {option}: một hệ số của phần hiệu chỉnh sẽ làm dời giới hạn của nó; hãy chọn method.bound",
    "nb_lora_rank": "method.rank={rank} lớn hơn {width} đầu vào của {layer}, nên các nhân tử không thể trực chuẩn; hãy chọn hạng nhỏ hơn",
    "rate_ratio_excluded": "phương pháp '{method}' không có {option}: các nhân tử của nó không phải A và B tự do để học với hai tốc độ; hãy bỏ tùy chọn này",
    "adalora_grows": "target_rank={target} lớn hơn rank={rank}, mà AdaLoRA chỉ cắt bớt; hãy chọn rank lớn hơn hoặc target_rank nhỏ hơn",
    "adalora_phases": "warmup={warmup} và final={final} không để lại bước nào để cắt bớt hạng; tổng của chúng phải nhỏ hơn 1",
    "scalora_rates": "phương pháp '{method}' không có {option}: phép co giãn của nó được suy ra cho một tốc độ học chung của hai nhân tử; hãy bỏ tùy chọn này",
    "export_differs": "kết quả đã ghi tính ra điều khác với mô hình đã tinh chỉnh: trên {rows} hàng giữ riêng, đầu ra lệch {difference:.2e} so với đầu ra lớn nhất, mức cho phép là {tolerance:.0e}, và {changed} trên {of} câu trả lời thay đổi; không giữ lại gì. Hãy lưu ở định dạng mịn hơn (--stored fp32), hoặc cho phép lệch nhiều hơn (--tolerance)",
    "exported_merged": "{folder}: một mô hình thường ở {stored}. Trên {rows} hàng giữ riêng, đầu ra của nó lệch so với mô hình đã tinh chỉnh nhiều nhất {difference} của đầu ra lớn nhất, và {changed} trên {of} câu trả lời thay đổi",
    "exported_lora": "{folder}: một LoRA thường theo dạng của PEFT. Trên {rows} hàng giữ riêng, đầu ra của nó lệch so với mô hình đã tinh chỉnh nhiều nhất {difference} của đầu ra lớn nhất, và {changed} trên {of} câu trả lời thay đổi",
    "not_resizable": "không thể đổi hạng của {layer}: nó không có A và B mà chỉ tích của chúng có nghĩa",
    "vllm_model": "có, cả mô hình đúng như đã lưu",
    "vllm_adapter": "có, adapter đúng như đã lưu, cùng với mô hình gốc",
    "vllm_lora": "có, ở dạng LoRA thường: fewtune export --to lora",
    "vllm_merged": "có, sau khi gộp vào mô hình gốc: fewtune export",
    "vllm_task": "chưa rõ với bài toán {task}",
    "vllm_architecture": "không, tài liệu của nó không kể {architecture} cho bài toán này",
    "vllm_method": "không, nó đọc mô hình trọn vẹn và adapter LoRA, còn điều '{method}' học được không thuộc cả hai và không gộp được",
    "plan_vllm": "vLLM có phục vụ được kết quả không? {answer}. (Theo tài liệu tháng 11 năm 2026 của nó; chưa chạy thử ở đây.)",
    "batches_needed": "phương pháp '{method}' cần xem {count} lô (batch) dữ liệu huấn luyện trước khi huấn luyện: hãy truyền chúng bằng adapt(model, method, batches=...), mỗi lô là một từ điển các tensor như mô hình nhận, kể cả `labels`; hoặc chọn --method lora",
    "hira_no_scale": "phương pháp '{method}' không có hệ số nhân, nên method.{option}={given} sẽ không có tác dụng; hãy bỏ đi, hoặc chọn --method lora",
    "plan_calibration": "trước khi huấn luyện, {method} xem {batches} lô dữ liệu huấn luyện",
    "ranks_by_data": "dữ liệu quyết định hạng của từng lớp trước khi '{method}' huấn luyện: số tham số ở đây tính theo hạng bằng nhau, và lần chạy sẽ ghi số thật vào plan.json",
    "targets_uneven": "'{what}' chỉ được gắn adapter ở {having} trong {blocks} khối của {model}; các khối còn lại không có lớp như vậy, hoặc không được "
    "nêu tên. Hãy nêu nó trong method.targets nếu đã quên; plan.json liệt kê những gì được học",
}
