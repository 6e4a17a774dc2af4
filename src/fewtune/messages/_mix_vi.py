"""Câu tiếng Việt về mẫu chỉ dẫn, hỗn hợp dữ liệu, và mô hình chỉ được hỏi."""

SENTENCES: dict[str, str] = {
    "templates_missing": "'{given}' không phải tên mẫu kèm sẵn, cũng không phải tệp ({hint}). `fewtune templates` liệt kê các mẫu",
    "templates_wrong": "{path}: không dùng được các mẫu này: {mistakes}",
    "template_wrong": "{section}, mẫu số {number}: {reason}",
    "template_no_options": "{{options}} liệt kê các nhãn, mà bài toán {task} không có nhãn; hãy bỏ đi",
    "template_not_inverted": "mẫu đảo ngược cho sẵn đáp án ({label}) trong input và hỏi văn bản ({text}) trong target",
    "template_tells": "input đã nói ra đáp án ({label}) mà mô hình phải tìm. Hãy bỏ đi ở đó, hoặc đặt mẫu dưới inverted",
    "template_no_answer": "target thiếu đáp án ({label})",
    "template_no_reasons": "target của chuỗi suy luận bắt đầu bằng một cột lý lẽ, ví dụ {{rationale}}, và kết thúc bằng đáp án ({label})",
    "templates_column": "{path}: mẫu nhắc đến cột '{column}' mà '{name}' không có ({hint}). Hãy dùng tên một cột của nó, hoặc thêm cột ấy",
    "templates_no_pair": "{path}: mẫu cần văn bản thứ hai ({{{column}}}), mà '{name}' chỉ có một; hãy chỉ cột đó bằng pair_column, hoặc dùng mẫu khác",
    "mixture_wrong": "{path}: không dùng được hỗn hợp này: {mistakes}",
    "mixture_twice": "có hai tập cùng tên '{name}'; hãy đặt cho mỗi tập một tên riêng",
    "mixture_nothing": "mọi tập đều để dành (held_out), không còn gì để học; hãy bỏ held_out ở một tập",
    "mixture_weights": "{weighted} có trọng số còn {missing} thì không; hãy cho mỗi tập được học một trọng số, hoặc không tập nào có",
    "mixture_alone": "{path} là một hỗn hợp, các tập trong đó có cột và tệp riêng; hãy bỏ {options} và viết chúng vào đó",
    "mixture_tasks": "tập '{name}': các mẫu thuộc những bài toán khác nhau ({tasks}); mỗi hàng chỉ đọc được theo một cách",
    "mixture_no_form": "tập '{name}': các hàng không tạo được dạng nào trong số được yêu cầu ({forms}); hãy cho zero_shot một phần lớn hơn 0",
    "mixture_blank": "tập '{name}': đáp án ở {path}, dòng {line}, bị trống, nên '{target}' không hỏi gì cả. Hãy nói phải viết gì khi đó: "
    "words: {{'': 'không trả lời được'}} trong mẫu hoặc labels: {{'': 'không trả lời được'}} trong hỗn hợp",
    "mixture_set": "hỗn hợp: '{name}' cho {rows:,} câu hỏi huấn luyện từ {of_rows:,} hàng (dạng: {forms}; mẫu: {templates}); "
    "{validation:,} câu hỏi thẩm định và {test:,} câu hỏi kiểm tra, zero-shot",
    "mixture_held_out": "hỗn hợp: '{name}' được để dành: không học gì từ nó, {test:,} trong {of_rows:,} hàng là câu hỏi kiểm tra, zero-shot (mẫu: {templates})",
    "mixture_repeated": "hỗn hợp: '{name}' có {of_rows:,} hàng huấn luyện cho {rows:,} câu hỏi: mỗi hàng được hỏi trung bình {times:.1f} lần, cách diễn đạt rút lại mỗi lần",
    "mixture_fewer_shots": "hỗn hợp: {shortened:,} câu hỏi few-shot của '{name}' có ít ví dụ đã trả lời hơn yêu cầu, vì nếu đủ thì quá dài (few_shot_characters)",
    "mixture_shared": "hỗn hợp: {rows:,} trong {of_rows:,} hàng dùng để chấm '{name}' cũng là hàng huấn luyện của '{other}', có thể với lời khác; "
    "điểm của nó một phần là bài thử trí nhớ",
    # evaluate MODEL
    "ask_how": "{model} không phải lần chạy mà là mô hình; để hỏi mô hình nguyên bản, hãy cho biết hỏi gì bằng --task classification (hoặc "
    "question_answering), hoặc hỏi thế nào bằng --templates TÊN (`fewtune templates`)",
    "ask_run": "{run} là một lần chạy, mô hình trong đó đã được tinh chỉnh; {options} dành cho mô hình chỉ được hỏi, ví dụ google/flan-t5-small",
    "ask_no_templates": "hỏi mô hình về bài toán {task} như thế nào? Hãy chỉ bằng --templates (`fewtune templates` liệt kê các mẫu); chỉ {names} có mẫu mặc định",
    "ask_other_task": "{path} chứa mẫu cho {of}, không phải cho {task}; hãy bỏ --task, hoặc dùng mẫu khác",
    "ask_no_examples": "cần {shots} hàng đã có đáp án đứng trước mỗi câu hỏi mà chưa có hàng nào; hãy cho bằng --examples TỆP, tốt nhất là tệp huấn luyện",
    "ask_few_examples": "{path}: cần {shots} hàng đã có đáp án đứng trước mỗi câu hỏi, mà chỉ {rows} hàng không nằm trong số hàng được hỏi",
    "ask_same_words": "{path}: hai nhãn có cùng tên gọi ({words}) nên câu trả lời không phân biệt được chúng; hãy cho mỗi nhãn một từ riêng",
    "ask_no_writer": "{name} ({architecture}) không viết văn bản nên không hỏi được; hãy dùng mô hình mã hóa-giải mã (google/flan-t5-small) hoặc giải mã, "
    "hoặc tinh chỉnh mô hình này: fewtune train",
    "ask_cut": "{rows:,} trong {of_rows:,} câu hỏi dài hơn {max_length:,} token và bị cắt, có thể mất đúng phần được hỏi",
    "ask_title": "{model} nguyên bản, được hỏi về {rows:,} hàng của {path} sau {shots} hàng đã có đáp án, khoảng tin cậy {confidence}",
    "ask_asked": "chỉ hỏi",
    "ask_wordings": "cùng câu hỏi với lời khác",
    "ask_wording": "hỏi như sau",
    "ask_range": "Trong {count} cách hỏi, cách tệ nhất được {worst}, cách tốt nhất {best}: ai lấy cách tốt nhất là đã chọn trên chính các hàng này.",
    "ask_first": "Hỏi như sau: {wording}",
    "ask_likeliest": "Nhãn được chọn theo độ khả dĩ trong số các nhãn; --written để mô hình tự viết ra.",
    "ask_written": "Câu trả lời được viết ra, và đúng khi là từ của nhãn không kể chữ hoa và dấu câu; no_label đếm những câu không phải nhãn nào.",
    "metric_no_label": "câu trả lời không phải nhãn",
}
